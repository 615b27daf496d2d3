/** The API group and version of every kind of this project. */
export const GROUP = 'loco.mroie.github.io';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;
