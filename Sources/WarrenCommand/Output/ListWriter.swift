internal import Foundation

/// Writes a list whose rows come one by one: as JSON and in a pipe each row at once, on a terminal all of them aligned.
final class ListWriter<Row: Encodable> {
  private let printer: Printer
  private let table: Table<Row>
  private var held: [Row] = []
  private var count = 0
  var isEmpty: Bool { count == 0 }

  init(_ printer: Printer, _ table: Table<Row>) {
    self.printer = printer
    self.table = table
  }

  func write(_ row: Row) throws {
    count += 1
    if printer.options.json {
      let separator = count == 1 ? "[" : ","
      let text = try printer.jsonText(row)
      try printer.write(printer.terminal.isOutput ? "\(separator)\n\(text)" : separator + text)
    } else if printer.terminal.isOutput {
      held.append(row)
    } else {
      try printer.write(try table.text([row], printer.options, printer.terminal))
    }
  }

  func end(none: String) throws {
    if printer.options.json { return try printer.write(isEmpty ? "[]\n" : printer.terminal.isOutput ? "\n]\n" : "]\n") }
    if isEmpty { return StandardError.print(none) }
    if !held.isEmpty { try printer.write(try table.text(held, printer.options, printer.terminal)) }
  }
}
