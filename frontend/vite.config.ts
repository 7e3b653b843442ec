import { defineConfig } from "vitest/config";

export default defineConfig({
  build: {
    assetsInlineLimit: 0, // the page's policy allows files of its own origin, nothing inline
    license: { fileName: "licenses.txt" }, // of the packages that are built in
    modulePreload: false, // one script, nothing to load ahead
    target: "es2022",
  },
  test: { include: ["tests/*.test.ts"], environment: "node" },
});
