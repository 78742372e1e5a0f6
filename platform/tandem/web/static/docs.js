// The reference below the guide: /openapi.json through Swagger UI, whole or for one audience, in the page's own theme.
"use strict";

const operations = document.getElementById("operations");
const root = document.documentElement;
const system = window.matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  const chosen = root.dataset.theme;
  root.classList.toggle("dark-mode", chosen ? chosen === "dark" : system.matches);
}

// Who the operations are for, in the order and the words of the links above.
const audiences = new Map();
for (const link of document.querySelectorAll("[data-audience]")) {
  audiences.set(link.dataset.audience, link.textContent.trim());
}

// Several audiences share a tag; in the list of them all each keeps its own heading.
function arranged(spec, only) {
  const audienceOf = (path) => path.split("/")[2];
  const order = [...audiences.keys()];
  const place = (path) => (order.indexOf(audienceOf(path)) + order.length + 1) % (order.length + 1);
  const chosen = Object.entries(spec.paths)
    .filter(([path]) => !only || path.startsWith(`/api/${only}/`))
    .sort(([one], [other]) => place(one) - place(other));
  for (const [path, item] of chosen) {
    const who = audiences.get(audienceOf(path));
    if (only || !who) continue;
    for (const operation of Object.values(item)) {
      if (operation.tags) operation.tags = operation.tags.map((tag) => `${who} · ${tag}`);
    }
  }
  return { ...spec, paths: Object.fromEntries(chosen), tags: [] };
}

// Swagger UI's own frame brings a second heading and a second <main>; the page has both already.
function Frameless({ React }) {
  function OperationsOnly({ getComponent }) {
    const part = (name, isContainer) => React.createElement(getComponent(name, isContainer), { key: name });
    return React.createElement(
      "div",
      { className: "swagger-ui" },
      part("SvgAssets"),
      React.createElement(
        "div",
        { className: "operations-tools", key: "tools" },
        part("FilterContainer", true),
        part("AuthorizeBtnContainer", true),
      ),
      part("errors", true),
      part("operations", true),
    );
  }
  // An operation's heading is a button; a link inside a button cannot be reached by everybody.
  const wrapComponents = {
    DeepLink: (Original) => (props) =>
      props.path && props.path.includes("/")
        ? React.createElement("span", null, props.text)
        : React.createElement(Original, props),
    TextArea: (Original) => (props) =>
      React.createElement(Original, { "aria-label": "Request body", ...props }),
  };
  return { components: { OperationsOnly }, wrapComponents };
}

async function show() {
  const answer = await fetch("/openapi.json");
  const only = operations.dataset.only;
  window.SwaggerUIBundle({
    spec: arranged(await answer.json(), only),
    domNode: operations,
    deepLinking: true,
    docExpansion: only ? "list" : "none",
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null,
    plugins: [Frameless],
    layout: "OperationsOnly",
  });
}

followTheme();
system.addEventListener("change", followTheme);
show();
