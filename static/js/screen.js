/* The lobby screen: turns its own pages and asks for a fresh one now and then, so that a new version shows itself. */
(function () {
  "use strict";
  document.addEventListener("DOMContentLoaded", function () {
    var pages = Array.prototype.slice.call(document.querySelectorAll("[data-page]"));
    var at = 0, turns = 0;
    function show() {
      pages.forEach(function (page, index) { page.hidden = index !== at; });
      var count = document.getElementById("page-of");
      if (count) count.textContent = (at + 1) + " / " + pages.length;
    }
    show();
    var seconds = Number(document.body.dataset.seconds) || 15;
    window.setInterval(function () {
      turns += 1;
      at = (at + 1) % pages.length;
      if (at === 0 && turns * seconds >= 300) { window.location.reload(); return; }
      show();
    }, seconds * 1000);
  });
}());
