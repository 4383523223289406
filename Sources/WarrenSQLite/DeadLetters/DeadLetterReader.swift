internal import Foundation
internal import GRDB
internal import Warren

/// Lists dead letters. A page costs the same wherever it begins.
struct DeadLetterReader {
  let file: BrokerFile

  func page(_ selection: DeadLetterSelection) async throws(BrokerError) -> DeadLetterPage {
    let limit = min(max(0, selection.limit), 10_000)
    return try await file.read { database in
      let topology = try KnownTopology(database)
      // One more than asked for tells whether there is another page.
      let wanted = limit + 1
      let rows = try selection.rows(database, topology, after: selection.after?.position ?? 0, limit: wanted)
      let reader = try DeadLetterRows(database, topology, includesBodies: selection.includesBodies)
      var letters: [DeadLetter] = []
      var bytes = 0
      var last: Int64?
      for row in rows {
        // Bodies may be large: then a page ends before its limit.
        if letters.count == limit || bytes > DeadLetterPage.bodyLimit {
          return DeadLetterPage(letters: letters, next: last.map { .init(position: $0) })
        }
        last = row.int("seq")
        guard let letter = try reader.letter(row) else { continue }
        bytes += letter.message.body.count
        letters.append(letter)
      }
      return DeadLetterPage(letters: letters, next: nil)
    }
  }
}
