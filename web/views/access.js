// Asks for a token where the server wants one.

import {el} from "../dom.js";

// onLetIn() is called once the server has taken a token.
export function mountAccess(root, {api, onLetIn}) {
  const field = el("input", {id: "token", type: "password", autocomplete: "current-password", required: true,
    "aria-describedby": "token-error"});
  const error = el("p", {id: "token-error", class: "error", role: "alert"});
  const form = el("form", {class: "panel access", on: {submit: give}},
    el("h2", {id: "access-title", text: "A token is needed"}),
    el("p", {class: "soft", text: "Who runs this server can give you one. It is not kept by this page."}),
    el("div", {class: "field"}, el("label", {for: "token", text: "Token"}), field), error,
    el("button", {class: "button primary", text: "Let me in"}));
  root.replaceChildren(form);

  async function give(event) {
    event.preventDefault();
    error.textContent = "";
    try {
      await api.openSession(field.value);
      field.value = "";
      onLetIn();
    } catch (problem) {
      const unknown = "This token is not known here. Check it and try again.";
      error.textContent = problem.status === 401 ? unknown : problem.message;
      field.select();
    }
  }
  return {focus: () => field.focus()};
}
