/**
 * The page is built into the gateway's own folder, which the Python package carries: whoever runs tapeflow needs no Node.
 * Names hold a hash of the content, so browsers may keep them for ever; the same sources give the same bytes.
 */
import { defineConfig } from "vite";
import { licenses } from "./licenses.ts";

const gateway = process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/",
  plugins: [licenses()],
  resolve: { conditions: ["source", "module", "browser", "development|production"] },
  build: {
    outDir: process.env["TAPEFLOW_OUT"] ?? "../../gateway/dashboard",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": gateway, "/health": gateway, "/metrics": gateway, "/ws": { target: gateway, ws: true } } },
});
