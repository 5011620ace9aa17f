// The chosen theme, set before anything is painted: the only script that is not a module, because modules wait for the page.
document.documentElement.dataset.theme = localStorage.getItem("theme") ?? "system";
