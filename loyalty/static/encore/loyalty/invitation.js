// Tell once that a person has opened an invitation: when they touch, scroll or type, and not when it is fetched.
// Without this script the buttons tell.
(() => {
  const DEEDS = ["pointerdown", "keydown", "wheel", "touchstart", "scroll"];

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("form[data-encore-opened]");
    if (!form) return;

    function tell() {
      DEEDS.forEach((deed) => removeEventListener(deed, tell));
      // A connection that is lost costs a figure of the shop's, and nothing of the reader's.
      fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true }).catch(() => {});
    }

    DEEDS.forEach((deed) => addEventListener(deed, tell, { passive: true }));
  });
})();
