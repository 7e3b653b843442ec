import { render } from "preact";
import { App } from "./app";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/result.css";
import "./styles/live.css";

render(<App />, document.getElementById("page")!);
