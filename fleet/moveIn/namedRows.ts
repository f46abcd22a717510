/** Lists the names of the first rows. Ends with an ellipsis if there are more. Empty without names. */
export const namesOf = ({ which, count }: { readonly which: readonly string[]; readonly count: number }): string =>
  which.join("; ") + (count > which.length && which.length > 0 ? "; …" : "");
