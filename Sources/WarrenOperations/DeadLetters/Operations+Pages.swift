public import Warren

extension Operations {
  /// One page of dead letters, the oldest first, and where the next begins; `nil` when this is the last.
  ///
  /// - Parameter selection: its limit is the size of the page, its ``Warren/DeadLetterSelection/after`` where it begins.
  public func deadLetterPage(
    _ selection: DeadLetterSelection
  ) async throws(BrokerError) -> (letters: [DeadLetterView], next: DeadLetterPage.Cursor?) {
    let page = try await deadLetterBroker.deadLetters(selection)
    let letters = page.letters.map { DeadLetterView($0, mask: mask, includesBody: selection.includesBodies) }
    return (letters, page.next)
  }
}
