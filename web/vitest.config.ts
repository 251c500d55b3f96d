/** Unit tests of the packages: the client without a page around it, the hooks in happy-dom. Both take the sources. */
import { defineConfig } from "vitest/config";

const conditions = ["source", "module", "browser", "development|production"];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };

export default defineConfig({
  test: {
    projects: [
      { ...shared, test: { name: "client", root: "client", include: ["test/**/*.test.ts"], environment: "node" } },
      { ...shared, test: { name: "dashboard", root: "dashboard", include: ["test/**/*.test.ts"], environment: "happy-dom" } },
      { ...shared, test: { name: "react", root: "react", include: ["test/**/*.test.tsx"], environment: "happy-dom" } },
    ],
  },
});
