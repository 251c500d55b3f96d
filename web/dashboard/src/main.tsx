/** The page's first lines: connections are opened, and React takes over the root element. */
import { createRoot } from "react-dom/client";
import { App } from "./shell/App.tsx";
import { connectAll } from "./market.ts";
import "./styles.css";

connectAll();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
