// Switches between the system's theme, light and dark.
const THEMES = ["system", "light", "dark"];
const root = document.documentElement;

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  const label = () => (button.textContent = { system: "Auto", light: "Light", dark: "Dark" }[root.dataset.theme] ?? "Auto");
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    localStorage.setItem("theme", root.dataset.theme);
    label();
  });
  label();
}
