// Show what a form would do while it is being filled in, and of its gaps only those that the choices ask for.
// Without this script a button does the first, and all gaps stay to be seen.
(() => {
  const PAUSE = 300;

  // data-encore-for="kind=amount|price": this gap belongs to these choices. What is wrong stays to be seen.
  function showGaps(form) {
    form.querySelectorAll("[data-encore-for]").forEach((gap) => {
      const [name, value] = gap.dataset.encoreFor.split("=");
      const field = gap.closest(".enc-field"), chosen = form.elements[name];
      const isAsked = chosen && value.split("|").includes(chosen.value);
      if (field && chosen) field.hidden = !isAsked && !field.matches(".enc-field-wrong");
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".enc-form").forEach((form) => {
      showGaps(form);
      form.addEventListener("input", () => showGaps(form));
    });
    document.querySelectorAll("form[data-encore-preview]").forEach((form) => {
      let waiting, asked = 0;

      async function refresh() {
        const number = ++asked;
        try {
          const answer = await fetch(form.dataset.encorePreview, { method: "POST", body: new FormData(form) });
          if (!answer.ok || number !== asked) return; // a later answer is on its way
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.querySelector("#enc-preview"), old = form.querySelector("#enc-preview");
          if (fresh && old) old.replaceChildren(...fresh.childNodes);
        } catch {
          // the connection was lost; the button still asks
        }
      }

      form.addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(refresh, PAUSE);
      });
    });
  });
})();
