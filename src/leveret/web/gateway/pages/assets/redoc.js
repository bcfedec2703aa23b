"use strict";
// ReDoc has no dark form of its own: these are the colours of one.
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const colours = {
  colors: {
    primary: { main: "#8ab8f5" },
    text: { primary: "#e6e8eb", secondary: "#b4bac4" },
    border: { dark: "#4a505a", light: "#343941" },
    gray: { 50: "#22252b", 100: "#2a2e35" },
  },
  schema: { nestedBackground: "#1e2126", typeNameColor: "#b4bac4", typeTitleColor: "#b4bac4", requireLabelColor: "#ff9b8f" },
  sidebar: { backgroundColor: "#1c1f24", textColor: "#e6e8eb" },
  rightPanel: { backgroundColor: "#101215", textColor: "#e6e8eb" },
  typography: { code: { color: "#ff9b8f", backgroundColor: "#2a2e35" }, links: { color: "#8ab8f5" } },
};
const fontFamily = "system-ui, sans-serif";
const headings = dark ? { fontFamily, color: "#e6e8eb" } : { fontFamily };
const typography = { ...(dark ? colours.typography : {}), fontFamily, headings };
const theme = { ...(dark ? colours : {}), typography };
Redoc.init("/openapi.json", { theme }, document.getElementById("tool"));
