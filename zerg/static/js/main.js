// Behaviours, one module each. Everything but live update and keys also works without them.
import "./times.js";
import "./appearance.js";
import "./copy.js";
import "./chart.js";
import "./menu.js";
import "./whole.js";
import "./nest.js";
import "./outline.js";
import "./scroll.js"; // opens a session at an event …
import "./hits.js"; // … and this at the hit in it
import "./keys.js";
import "./search.js";
import "./live.js";
