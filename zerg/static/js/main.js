// Behaviours, one module each. Everything but live update and keys also works without them.
import "./appearance.js";
import "./copy.js";
import "./chart.js";
import "./hits.js";
import "./keys.js";
import "./live.js";
import "./menu.js";
import "./nest.js";
import "./outline.js";
import "./scroll.js";
import "./times.js";
import "./whole.js";
