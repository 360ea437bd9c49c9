// Runs before the first paint, so that a chosen theme does not flash: a classic script, the only one.
{
  const chosen = localStorage.getItem("traindeck-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
