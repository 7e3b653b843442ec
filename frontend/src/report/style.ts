/** How a report looks, on paper too. */
export const REPORT_STYLE = `
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1c2326; background: #fff; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { margin: 0.2em 0; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 2.2em 0 0.5em; font-size: 1.2rem; border-bottom: 1px solid #d8dee0; }
.reason { font-size: 1.15rem; }
small { color: #56636a; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; }
th { width: 30%; padding: 0.25em 1em 0.25em 0; text-align: left; vertical-align: top; font-weight: 600; }
.plain { padding: 0; list-style: none; }
.sample { width: 28px; height: 4px; vertical-align: middle; }
td { vertical-align: top; padding: 0.25em 0; overflow-wrap: anywhere; }
figure { margin: 1.5em 0; break-inside: avoid; }
figcaption { margin-bottom: 0.4em; }
img { max-width: 100%; height: auto; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.75rem; }
summary { cursor: pointer; padding: 0.4em 0; }
footer { margin-top: 3em; color: #56636a; font-size: 0.9rem; }
@media print { details, pre { display: none; } }
`;
