// A page that is read from a folder may not fetch others, which the summaries of search results are cut from.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
