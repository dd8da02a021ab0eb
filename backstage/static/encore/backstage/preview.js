// Show what a form would do while it is being filled in. Without this script a button does the same.
(() => {
  const PAUSE = 300;

  document.addEventListener("DOMContentLoaded", () => {
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
