// Runs before anything is painted, so that a chosen theme does not flash. Nothing but the theme is kept here.
(() => {
  try {
    const chosen = localStorage.getItem("cloister.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Without storage the system's theme holds.
  }
})();
