/// Which part of a list is wanted.
package struct Page: Sendable, Equatable {
  package var limit: Int
  package var offset: Int

  package init(limit: Int, offset: Int) {
    self.limit = limit
    self.offset = offset
  }
}
