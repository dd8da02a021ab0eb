// Keep the progress of running jobs up to date. Without this script the page shows the state it was loaded with.
(() => {
  const EVERY = 2000;

  async function refresh(element) {
    const address = element.dataset.encoreRefresh;
    if (!address || !element.isConnected) return;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector(".enc-progress");
      if (!fresh) return;
      element.replaceWith(fresh);
      if (fresh.dataset.encoreRefresh) schedule(fresh);
      else document.querySelectorAll("[data-encore-when-over]").forEach((note) => (note.hidden = false));
    } catch {
      schedule(element); // the connection was lost; the job was not
    }
  }

  function schedule(element) {
    setTimeout(() => refresh(element), EVERY);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-encore-refresh]").forEach(schedule);
  });
})();
