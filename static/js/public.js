/* The posted table for patients: search and one class at a time, in the page, without asking the server.
   Without script the same form and links are answered by the server. */
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    var table = document.getElementById("posted");
    var field = document.getElementById("q");
    var found = document.getElementById("found");
    if (!table || !field) return;
    var rows = Array.prototype.slice.call(table.tBodies[0].rows);

    function search() {
      var wanted = field.value.trim().toLowerCase();
      var count = 0;
      rows.forEach(function (row) {
        row.hidden = wanted !== "" && row.dataset.search.toLowerCase().indexOf(wanted) < 0;
        if (!row.hidden) count += 1;
      });
      if (!found) return;
      if (wanted === "") found.textContent = "";
      else if (count) found.textContent = "找到 " + count + " 个病种。";
      else found.textContent = "表里没有这个病。参照相近的病，按低的收，收费处会向您说明。";
    }
    field.addEventListener("input", search);
    field.form.addEventListener("submit", function (event) { event.preventDefault(); search(); });
    search();

    document.querySelectorAll("[data-only]").forEach(function (link) {
      if (link === table) return;
      link.addEventListener("click", function (event) {
        event.preventDefault();
        document.querySelectorAll("a[data-only]").forEach(function (other) { other.removeAttribute("aria-current"); });
        link.setAttribute("aria-current", "true");
        if (link.dataset.only) table.dataset.only = link.dataset.only;
        else delete table.dataset.only;
      });
    });
  });
}());
