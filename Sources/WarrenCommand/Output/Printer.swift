internal import Foundation
internal import Warren

/// Writes data to stdout, as JSON or for a person.
struct Printer {
  let options: GlobalOptions
  let terminal: Terminal

  init(_ options: GlobalOptions) {
    self.options = options
    terminal = Terminal(options)
  }

  /// A list.
  func list<Row: Encodable>(_ rows: [Row], _ table: Table<Row>, none: String) throws {
    // A wrong column is an error whether or not there are rows.
    _ = try table.chosen(options.columns)
    if options.json { return try json(rows) }
    if rows.isEmpty { return StandardError.print(none) }
    try write(try table.text(rows, options, terminal))
  }

  /// One value: as JSON, or as the text.
  func thing(_ value: some Encodable, _ text: () throws -> String) throws {
    if options.json { return try json(value) }
    try write(try text())
  }

  /// A list whose rows come one by one.
  func listWriter<Row: Encodable>(_ table: Table<Row>) throws -> ListWriter<Row> {
    _ = try table.chosen(options.columns)
    return ListWriter(self, table)
  }

  func json(_ value: some Encodable) throws { try write(try jsonText(value) + "\n") }

  func jsonText(_ value: some Encodable, onOneLine: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if terminal.isOutput, !onOneLine { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.dateEncodingStrategy = .custom { date, encoder in
      var container = encoder.singleValueContainer()
      if date.isUnknown { return try container.encodeNil() }
      try container.encode(date.textWithMilliseconds)
    }
    return Text.escapedForJSON(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// Writes data. Where that is impossible, the command ends with a sentence that says why.
  func write(_ text: String) throws(CommandError) {
    do throws(StandardStream.Failure) { try StandardStream.output.write(text) } catch { throw CommandError(error) }
  }

  /// Titles and their values, one a line; those without a value are left out.
  func card(_ lines: [(String, String)]) -> String {
    let lines = lines.filter { !$0.1.isEmpty }
    if !terminal.isOutput { return lines.map { "\($0.0)\t\(Text.printable($0.1))\n" }.joined() }
    let width = lines.map { Text.width($0.0) }.max() ?? 0
    return lines.map { title, value in
      Style.dim(Text.padded(title, to: width), on: terminal) + "  " + Text.printable(value) + "\n"
    }.joined()
  }
}
