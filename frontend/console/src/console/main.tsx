import { render } from "preact";
import { Api } from "./api";
import { App } from "./app";
import { Live } from "./live";
import "uplot/dist/uPlot.min.css";
import "./page.css";

const live = new Live(new Api());
live.start();
const root = document.getElementById("root");
if (root !== null) {
  render(<App live={live} />, root);
}
