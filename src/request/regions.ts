/** Parts of a picture that need no brush; src/image draws their masks. */
export const REGIONS = ['left', 'right', 'top', 'bottom', 'centre', 'sky', 'background'] as const;
export type Region = (typeof REGIONS)[number];
