internal import Foundation

/// One column of a list.
struct Column<Row> {
  let name: String
  var isNumber = false
  /// Whether it is never cut: half a number is wrong, and half an id of no use.
  var isWhole = false
  /// Whether it is shown unless other columns are named.
  var isDefault = true
  /// Whether it is left out where a narrow terminal would cut the others short. A column that was named stays.
  var isOptional = false
  var style: (Row) -> Style = { _ in .plain }
  let text: (Row, Format) -> String

  init(
    _ name: String, number: Bool = false, whole: Bool = false, byDefault: Bool = true, optional: Bool = false,
    style: @escaping (Row) -> Style = { _ in .plain },
    _ text: @escaping (Row, Format) -> String
  ) {
    self.name = name
    isNumber = number
    isWhole = whole || number
    isDefault = byDefault
    isOptional = optional
    self.style = style
    self.text = text
  }
}

/// A list: aligned under titles for a person, one tab-separated line a row for a program.
struct Table<Row> {
  let columns: [Column<Row>]

  /// The columns with these names, or those that are shown by default.
  func chosen(_ names: String?) throws -> [Column<Row>] {
    guard let names else { return columns.filter(\.isDefault) }
    let list = columns.map(\.name).joined(separator: ",")
    return try names.split(separator: ",", omittingEmptySubsequences: false).map { name in
      let name = name.trimmingCharacters(in: .whitespaces).lowercased()
      if name.isEmpty { throw CommandError(.usage, "--columns names no column", next: "take from: \(list)") }
      guard let column = columns.first(where: { $0.name == name }) else {
        throw CommandError(
          .usage, "no column is called '\(name)'", next: "take from: \(list)")
      }
      return column
    }
  }

  /// What was left out is said, so that the table of a narrow terminal is not taken for the one in a pipe.
  private static func note(_ names: [String], _ terminal: Terminal) -> String {
    let text = "--columns shows \(names.joined(separator: ", ")), too"
    return Style.dim(Text.cut(text, to: terminal.width), on: terminal)
  }

  /// - Parameter titled: whether the titles stand above the rows in a pipe, too.
  func text(_ rows: [Row], _ options: GlobalOptions, _ terminal: Terminal, titled: Bool = false) throws -> String {
    var columns = try chosen(options.columns)
    let format = Format(options, terminal)
    var cells = rows.map { row in columns.map { Text.printable($0.text(row, format)) } }
    if !terminal.isOutput {
      let titles = titled ? [columns.map { $0.name.uppercased() }] : []
      return (titles + cells).map { $0.joined(separator: "\t") + "\n" }.joined()
    }
    var left: [String] = []
    if options.columns == nil {
      while let last = columns.lastIndex(where: \.isOptional), isCramped(columns, cells, terminal.width) {
        left.insert(columns.remove(at: last).name, at: 0)
        for row in cells.indices { cells[row].remove(at: last) }
      }
    }
    let widths = widths(columns, cells, terminal.width)
    /// A line without spaces at its end.
    func line(_ cells: [String], _ style: (Int) -> Style) -> String {
      columns.indices.map { index in
        let text = Text.cut(cells[index], to: widths[index])
        let isRight = columns[index].isNumber
        let isEnd = index == columns.count - 1 && !isRight
        return style(index)(isEnd ? text : Text.padded(text, to: widths[index], right: isRight), on: terminal)
      }.joined(separator: "  ")
    }
    let titles = line(columns.map { $0.name.uppercased() }) { _ in .title }
    let lines = zip(rows, cells).map { row, cells in line(cells) { columns[$0].style(row) } }
    let note = left.isEmpty ? [] : [Self.note(left, terminal)]
    return ([titles] + lines + note).joined(separator: "\n") + "\n"
  }

  /// How wide the content is.
  private func natural(_ columns: [Column<Row>], _ cells: [[String]]) -> [Int] {
    columns.indices.map { index in
      cells.reduce(Text.width(columns[index].name)) { max($0, Text.width($1[index])) }
    }
  }

  private func room(_ columns: [Column<Row>], _ limit: Int) -> Int { limit - 2 * (columns.count - 1) }

  /// Whether a text would be cut to less than 16 columns.
  private func isCramped(_ columns: [Column<Row>], _ cells: [[String]], _ limit: Int) -> Bool {
    let least = zip(columns, natural(columns, cells)).map { $0.isWhole ? $1 : min($1, 16) }
    return least.reduce(0, +) > room(columns, limit)
  }

  /// As wide as the content; where that is wider than the terminal, the widest texts are cut.
  private func widths(_ columns: [Column<Row>], _ cells: [[String]], _ limit: Int) -> [Int] {
    var widths = natural(columns, cells)
    let room = room(columns, limit)
    let shrinkable = columns.indices.filter { !columns[$0].isWhole }
    while widths.reduce(0, +) > room {
      guard let widest = shrinkable.filter({ widths[$0] > 8 }).max(by: { widths[$0] < widths[$1] }) else { break }
      let excess = widths.reduce(0, +) - room
      let second = shrinkable.filter { $0 != widest }.map { widths[$0] }.max() ?? 8
      widths[widest] = max(8, widths[widest] - max(1, min(excess, widths[widest] - second)))
    }
    return widths
  }
}
