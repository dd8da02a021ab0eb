// A slider beside a number box: each follows the other. Without this script the slider stays hidden.
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("input[data-encore-pairs]").forEach((slider) => {
      const box = document.getElementById(slider.dataset.encorePairs);
      if (!box) return;
      slider.hidden = false;
      slider.value = box.value;
      slider.addEventListener("input", () => { box.value = slider.value; });
      box.addEventListener("input", () => { slider.value = box.value; });
    });
  });
})();
