// Copy what stands on a sheet, and count letters while somebody types. Without this script texts are marked and
// copied by hand, and what is too long is said when the form is sent.
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-encore-copy]").forEach((button) => {
      const row = button.closest("[data-encore-copies]"), label = button.textContent;
      button.hidden = !navigator.clipboard;
      button.setAttribute("aria-live", "polite");
      button.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(row.querySelector("[data-encore-text]").textContent);
        } catch {
          return; // the browser does not let us; the text can be marked
        }
        button.textContent = row.dataset.encoreCopies;
        setTimeout(() => (button.textContent = label), 2000);
      });
    });

    document.querySelectorAll("form[data-encore-letters]").forEach((form) => {
      form.querySelectorAll("[data-encore-most]").forEach((field) => {
        const counter = document.createElement("p"), most = Number(field.dataset.encoreMost);
        field.after(counter);
        const count = () => {
          const letters = [...field.value].length;
          counter.textContent = form.dataset.encoreLetters.replace("{n}", letters).replace("{most}", most);
          counter.className = letters > most ? "enc-bad" : "enc-quiet";
        };
        field.addEventListener("input", count);
        count();
      });
    });
  });
})();
