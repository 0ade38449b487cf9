/* Starts Swagger UI with the description of our own API; nothing is asked of any other host. */
window.addEventListener("load", function () {
  "use strict";
  window.SwaggerUIBundle({
    url: document.getElementById("swagger").dataset.url,
    dom_id: "#swagger",
    validatorUrl: null,
    deepLinking: true
  });
});
