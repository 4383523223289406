internal import Foundation

/// One column of a list.
struct Column<Row> {
  let name: String
  var isNumber = false
  /// Whether it is there without being asked for.
  var isUsual = true
  var style: (Row) -> Style = { _ in .plain }
  let text: (Row, Format) -> String

  init(
    _ name: String, number: Bool = false, usual: Bool = true, style: @escaping (Row) -> Style = { _ in .plain },
    _ text: @escaping (Row, Format) -> String
  ) {
    self.name = name
    isNumber = number
    isUsual = usual
    self.style = style
    self.text = text
  }
}

/// A list: aligned under titles for a person, one tab-separated line a row for a program.
struct Table<Row> {
  let columns: [Column<Row>]

  /// The columns that were asked for.
  func chosen(_ names: String?) throws -> [Column<Row>] {
    guard let names else { return columns.filter(\.isUsual) }
    return try names.split(separator: ",").map { name in
      let name = name.trimmingCharacters(in: .whitespaces).lowercased()
      guard let column = columns.first(where: { $0.name == name }) else {
        throw Complaint(
          .usage, "no column is called '\(name)'", next: "take from: \(columns.map(\.name).joined(separator: ","))")
      }
      return column
    }
  }

  func text(_ rows: [Row], _ options: GlobalOptions, _ terminal: Terminal) throws -> String {
    let columns = try chosen(options.columns)
    let format = Format(options, terminal)
    let cells = rows.map { row in columns.map { Text.printable($0.text(row, format)) } }
    if !terminal.isOutput { return cells.map { $0.joined(separator: "\t") + "\n" }.joined() }
    let widths = widths(columns, cells, terminal.width)
    let titles = columns.indices.map { index in
      Style.title(
        Text.padded(
          Text.cut(columns[index].name.uppercased(), to: widths[index]), to: widths[index],
          right: columns[index].isNumber),
        on: terminal)
    }
    var lines = [titles.joined(separator: "  ")]
    for (row, cells) in zip(rows, cells) {
      let parts = columns.indices.map { index in
        let text = Text.cut(cells[index], to: widths[index])
        let isLast = index == columns.count - 1
        let padded =
          isLast && !columns[index].isNumber
          ? text : Text.padded(text, to: widths[index], right: columns[index].isNumber)
        return columns[index].style(row)(padded, on: terminal)
      }
      lines.append(parts.joined(separator: "  "))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// As wide as the content, and where that is wider than the terminal, the widest columns give way.
  private func widths(_ columns: [Column<Row>], _ cells: [[String]], _ limit: Int) -> [Int] {
    var widths = columns.indices.map { index in
      cells.reduce(Text.width(columns[index].name)) { max($0, Text.width($1[index])) }
    }
    let room = max(columns.count * 4, limit - 2 * (columns.count - 1))
    while widths.reduce(0, +) > room {
      // Numbers are never cut: half a number is a lie.
      guard
        let widest = columns.indices.filter({ !columns[$0].isNumber && widths[$0] > 8 }).max(by: {
          widths[$0] < widths[$1]
        })
      else { break }
      let excess = widths.reduce(0, +) - room
      let second = columns.indices.filter { $0 != widest && !columns[$0].isNumber }.map { widths[$0] }.max() ?? 8
      widths[widest] = max(8, widths[widest] - max(1, min(excess, widths[widest] - second)))
    }
    return widths
  }
}
