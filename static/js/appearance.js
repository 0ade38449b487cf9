/* Text size and theme. Stands in the head, before the first paint, on every page; remembers the choice on this machine. */
(function () {
  "use strict";
  var root = document.documentElement;
  var choices = {
    text: { attribute: "data-text", value: "large" },
    theme: { attribute: "data-bs-theme", value: "dark" }
  };

  function remembered(name) {
    try { return window.localStorage.getItem("prepay." + name); } catch (error) { return null; }
  }
  function remember(name, on) {
    try {
      if (on) window.localStorage.setItem("prepay." + name, "on");
      else window.localStorage.removeItem("prepay." + name);
    } catch (error) { /* a private window keeps nothing: the choice lasts for this page */ }
  }
  function isOn(name) { return root.getAttribute(choices[name].attribute) === choices[name].value; }
  function set(name, on) {
    if (on) root.setAttribute(choices[name].attribute, choices[name].value);
    else root.removeAttribute(choices[name].attribute);
  }

  if (root.classList.contains("themed")) set("theme", remembered("theme") === "on");
  set("text", remembered("text") === "on");

  function label(button) {
    var on = isOn(button.dataset.toggle);
    button.setAttribute("aria-pressed", String(on));
    if (button.dataset.on) button.textContent = on ? button.dataset.on : button.dataset.off;
  }
  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-needs-script]").forEach(function (element) { element.hidden = false; });
    document.querySelectorAll("[data-toggle]").forEach(label);
  });
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-toggle]");
    if (button) {
      set(button.dataset.toggle, !isOn(button.dataset.toggle));
      remember(button.dataset.toggle, isOn(button.dataset.toggle));
      document.querySelectorAll("[data-toggle]").forEach(label);
    }
    if (event.target.closest("[data-print]")) window.print();
  });
}());
