extension String {
  /// The text, or its beginning that has at most so many bytes in UTF-8, with `…` behind it.
  ///
  /// Bytes, not characters: one character may have any number of bytes, and a header has room for so many bytes only.
  package func cut(toUTF8 limit: Int) -> String {
    if utf8.count <= limit { return self }
    let mark = "…"
    var end = utf8.index(utf8.startIndex, offsetBy: max(0, limit - mark.utf8.count))
    // Back to the beginning of a scalar.
    while end > utf8.startIndex, end.samePosition(in: unicodeScalars) == nil {
      end = utf8.index(before: end)
    }
    return String(unicodeScalars[..<end]) + mark
  }
}
