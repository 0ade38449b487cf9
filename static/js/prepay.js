/* What script adds to the staff pages: keys, search lists, focus after a swap, words when the network fails.
   Every page works without it. Attributes it reads:

   data-key="F4"         this key focuses the field or presses the button or link
   data-code="KeyX"      in [data-tender-keys], this physical key picks the radio (an input method can't swallow it)
   data-fill="1700.00"   writes this amount into the field named by data-into
   data-amount           turns full-width digits and 。 into plain ones, and marks the preview as stale
   data-listbox          a list of links under the search field named by data-for, walked with the arrow keys
   data-focus            takes the focus when it arrives by a swap or with the page
   data-needs-script     shown only when script runs (appearance.js)
   data-chosen="…"      says of what is ticked in its form {count} and {sum}; each tick names its sum in data-fen
   data-opens="id"       opens the dialog of that id
   data-menu             a <details> that Escape closes
   data-posted           on the body: the page answers a form, so its address is that of a form */
(function () {
  "use strict";

  function visible(element) { return element.offsetParent !== null || element.getClientRects().length > 0; }
  function isText(element) {
    return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement ||
      (element instanceof HTMLInputElement && !/^(radio|checkbox|submit|button|reset|file)$/.test(element.type));
  }

  /* ── focus ─────────────────────────────────────────────────── */
  function focusIn(scope) {
    var wanted = scope.matches && scope.matches("[data-focus]") ? scope : scope.querySelector("[data-focus]");
    if (!wanted) return;
    wanted.focus();
    if (wanted.select && wanted.hasAttribute("data-select")) wanted.select();
  }

  /* ── search lists ──────────────────────────────────────────── */
  function fieldOf(list) { return document.getElementById(list.dataset.for); }
  function optionsOf(list) { return Array.prototype.slice.call(list.querySelectorAll('[role="option"]')); }

  function dress(list) {
    var field = fieldOf(list);
    if (!field) return;
    var links = list.querySelectorAll("a.line");
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-expanded", String(links.length > 0));
    if (!list.id) list.id = field.id + "-list";
    if (!links.length) { field.removeAttribute("aria-controls"); field.removeAttribute("aria-activedescendant"); return; }
    list.setAttribute("role", "listbox");
    field.setAttribute("aria-controls", list.id);
    links.forEach(function (link, index) {
      var item = link.parentElement;
      var line = document.createElement("div");
      line.className = link.className;
      while (link.firstChild) line.appendChild(link.firstChild);
      item.dataset.href = link.getAttribute("href");
      item.setAttribute("role", "option");
      item.id = list.id + "-" + index;
      item.replaceChild(line, link);
    });
    point(list, list.hasAttribute("data-start") ? 0 : -1);
  }
  function point(list, index) {
    var options = optionsOf(list);
    options.forEach(function (option, at) { option.setAttribute("aria-selected", String(at === index)); });
    var field = fieldOf(list);
    if (options[index]) {
      field.setAttribute("aria-activedescendant", options[index].id);
      options[index].scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  }
  function pointed(list) {
    return optionsOf(list).findIndex(function (option) { return option.getAttribute("aria-selected") === "true"; });
  }
  function take(list, option) {
    var target = list.dataset.target;
    if (target && window.htmx) {
      window.htmx.ajax("GET", option.dataset.href, { target: target, swap: list.dataset.swap || "innerHTML" });
      window.history.pushState({ htmx: true }, "", option.dataset.href);
    } else window.location.assign(option.dataset.href);
  }
  function listFor(field) {
    var list = field.id && document.querySelector('[role="listbox"][data-for="' + field.id + '"]');
    return list && visible(list) ? list : null;
  }

  /* ── keys ──────────────────────────────────────────────────── */
  function press(element) {
    if (isText(element)) { element.focus(); if (element.select) element.select(); return; }
    element.focus();
    element.click();
  }
  function onListKey(event, list) {
    var count = optionsOf(list).length, at = pointed(list);
    if (event.key === "ArrowDown") point(list, (at + 1) % count);
    else if (event.key === "ArrowUp") point(list, (at + count - 1) % count);
    else if (event.key === "Enter" && at >= 0) take(list, optionsOf(list)[at]);
    else if (event.key === "Escape") { list.remove(); event.target.setAttribute("aria-expanded", "false"); }
    else return false;
    event.preventDefault();
    return true;
  }
  function onTenderKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    var radio = document.querySelector('[data-tender-keys] [data-code="' + event.code + '"]');
    if (!radio) return false;
    event.preventDefault();
    if (radio.closest("details")) radio.closest("details").open = true;
    if (!radio.checked) {
      radio.checked = true;
      radio.dispatchEvent(new Event("change", { bubbles: true }));
    }
    return true;
  }
  // "?" opens the key help wherever it can't be part of what is being typed; Ctrl and / do so everywhere.
  function asksForHelp(event) {
    if (event.isComposing || event.altKey || event.metaKey) return false;
    if (event.ctrlKey) return event.code === "Slash";
    if (event.key !== "?" && event.key !== "？" && !(event.code === "Slash" && event.shiftKey)) return false;
    var field = event.target;
    var searches = field.form && field.form.method === "get" && !field.value;
    return !isText(field) || field.hasAttribute("data-amount") || searches;
  }
  document.addEventListener("keydown", function (event) {
    if (document.querySelector("dialog[open]")) return;
    var field = event.target, help = document.getElementById("keys-help");
    if (help && asksForHelp(event)) { event.preventDefault(); help.showModal(); return; }
    if (isText(field)) {
      var list = listFor(field);
      if (list && !event.isComposing && onListKey(event, list)) return;
      if (field.hasAttribute("data-amount") && onTenderKey(event)) return;
      if (event.isComposing || event.key.length === 1) return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    var keyed = Array.prototype.filter.call(document.querySelectorAll("[data-key]"), function (element) {
      return element.dataset.key === event.key && visible(element);
    })[0];
    if (!keyed) return;
    event.preventDefault();
    press(keyed);
  });

  /* ── clicks ────────────────────────────────────────────────── */
  document.addEventListener("click", function (event) {
    var idle = event.target.closest('[aria-disabled="true"]');
    if (idle) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    var fill = event.target.closest("[data-fill]");
    if (fill) {
      var into = document.getElementById(fill.dataset.into);
      into.value = fill.dataset.fill;
      into.focus();
      into.dispatchEvent(new Event("input", { bubbles: true }));
    }
    var option = event.target.closest('[role="listbox"] [role="option"]');
    if (option) take(option.closest('[role="listbox"]'), option);
    var opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
  }, true);

  /* ── the amount field ──────────────────────────────────────── */
  // What an input method makes of an amount is meant as one. All else stays as typed: the server says what is wrong.
  function tidy(field) {
    var clean = field.value
      .replace(/[０-９]/g, function (digit) { return String.fromCharCode(digit.charCodeAt(0) - 0xfee0); })
      .replace(/[。．]/g, ".").replace(/，/g, ",");
    if (clean !== field.value) field.value = clean;
  }
  function stale() {
    document.querySelectorAll("[data-collects]").forEach(function (button) {
      button.setAttribute("aria-disabled", "true");
      button.setAttribute("aria-describedby", "stale-words");
    });
    var words = document.getElementById("stale-words");
    if (words) words.hidden = false;
  }
  document.addEventListener("input", function (event) {
    // A new amount is a new payment: what was said of the last one gives way.
    var done = event.target.matches("[data-amount]") && document.getElementById("done");
    if (done) done.remove();
    if (!event.target.hasAttribute("data-amount")) return;
    if (!event.isComposing) tidy(event.target);
    stale();
  }, true);
  document.addEventListener("compositionend", function (event) {
    if (event.target.hasAttribute && event.target.hasAttribute("data-amount")) { tidy(event.target); stale(); }
  }, true);

  /* ── the field that goes with a tender ─────────────────────── */
  document.addEventListener("change", function (event) {
    var radio = event.target;
    if (!radio.dataset || !radio.dataset.reference) return;
    var words = document.getElementById("reference-label");
    if (words) words.textContent = radio.dataset.reference;
  });

  /* ── what is ticked, on the button ─────────────────────────── */
  document.addEventListener("change", function (event) {
    var form = event.target.form, words = form && form.querySelector("[data-chosen]");
    if (!words || !event.target.matches("[data-fen]")) return;
    var count = 0, fen = 0;
    form.querySelectorAll("[data-fen]:checked").forEach(function (tick) { count += 1; fen += Number(tick.dataset.fen); });
    var sum = Math.floor(fen / 100).toLocaleString("en-US") + "." + String(fen % 100).padStart(2, "0");
    words.textContent = words.dataset.chosen.replace("{count}", count).replace("{sum}", sum);
  });

  /* ── htmx ──────────────────────────────────────────────────── */
  document.addEventListener("htmx:afterSettle", function (event) {
    event.target.querySelectorAll("[data-needs-script]").forEach(function (element) { element.hidden = false; });
    event.target.querySelectorAll("[data-listbox]").forEach(dress);
    if (event.target.matches("[data-listbox]")) dress(event.target);
    focusIn(event.target);
  });
  ["htmx:sendError", "htmx:timeout"].forEach(function (name) {
    document.addEventListener(name, function () {
      var place = document.getElementById("problem"), words = document.getElementById("offline");
      if (!place || !words) return;
      place.replaceChildren(words.content.cloneNode(true));
      focusIn(place);
    });
  });
  document.addEventListener("htmx:beforeRequest", function () {
    var place = document.getElementById("problem");
    if (place) place.replaceChildren();
  });

  /* An example that nobody touched follows the choice it belongs to. */
  document.addEventListener("change", function (event) {
    var form = event.target.form;
    if (!form || !form.dataset.words || event.target.name !== form.dataset.wordsBy) return;
    var words = JSON.parse(form.dataset.words), field = form.elements[form.dataset.wordsIn];
    var typed = field.value.trim();
    var untouched = !typed || Object.keys(words).some(function (key) { return words[key] === typed; });
    if (untouched) field.value = words[event.target.value] || "";
  });

  /* A fold that the address points to opens: a link to it would seem to do nothing. */
  function openNamed() {
    var named = location.hash && document.getElementById(location.hash.slice(1));
    if (!named || named.tagName !== "DETAILS") return;
    named.open = true;
    named.scrollIntoView();
    named.querySelector("summary").focus();
  }

  /* A page that a form came back on takes the address of the page it came from: whoever goes back to it later, or
     loads it again, gets that page, and nothing is sent twice. */
  function takeAddress() {
    var before = document.referrer;
    if ("posted" in document.body.dataset && before && new URL(before).origin === location.origin) {
      history.replaceState(null, "", before);
    }
  }

  window.addEventListener("hashchange", openNamed);
  document.addEventListener("DOMContentLoaded", function () {
    takeAddress();
    document.querySelectorAll("[data-listbox]").forEach(dress);
    focusIn(document);
    openNamed();
  });
}());
