// Opening a subagent brings its conversation in, under the call that started it.
import { arrived, everywhere, piece } from "./page.js";

everywhere((root) => {
  for (const nest of root.querySelectorAll("details.nest:not([data-ready])")) {
    nest.dataset.ready = "1";
    nest.addEventListener("toggle", async () => {
      if (!nest.open || nest.dataset.loaded) return;
      nest.dataset.loaded = "1";
      const inside = document.createElement("div");
      inside.append(await piece(`/s/${nest.dataset.session}`));
      for (const edge of inside.querySelectorAll(".edge.end, .edge[data-edge=before]")) edge.remove();
      nest.append(inside);
      arrived(inside);
    });
  }
});
