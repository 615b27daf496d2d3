/** This release, as package.json and the chart have it. */
export const VERSION = '0.1.0';
