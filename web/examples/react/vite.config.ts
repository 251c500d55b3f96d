/** React's JSX is the compiler's own; nothing else is needed. */
import { defineConfig } from "vite";

export default defineConfig({ resolve: { conditions: ["source", "module", "browser", "development|production"] } });
