/** The page's first line: React takes over the root element. */
import { createRoot } from "react-dom/client";

const root = document.getElementById("root");
if (root) createRoot(root).render(<h1>tapeflow</h1>);
