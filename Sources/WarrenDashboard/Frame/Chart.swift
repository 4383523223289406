internal import Foundation
internal import Warren

/// Lines over time, drawn as SVG: what is not known is a gap. The same stands in a table below, and the lines differ in their
/// dashes, too.
struct Chart {
  /// A line.
  struct Line {
    var name: String
    /// The value of a sample; `nil`: not known.
    var value: (QueueSample) -> Double?
  }
  let id: String
  let title: String
  let lines: [Line]
  /// How a value is written.
  let unit: (Double) -> String
  let samples: [QueueSample]
  /// How far samples are apart: beyond twice that is a gap.
  let interval: Duration
  let now: Date

  private static let width = 600.0, height = 120.0, top = 8.0
  private static let kinds = ["first", "second", "third"]

  /// As much of the last day as is known, in whole pieces.
  var span: Duration {
    let age = samples.first.map { now.timeIntervalSince($0.time) } ?? 0
    return age <= 3_600 ? .seconds(3_600) : age <= 6 * 3_600 ? .seconds(6 * 3_600) : .seconds(86_400)
  }

  /// The end of the scale: the next of 1, 2, 5, 10 …
  static func scale(_ most: Double) -> Double {
    guard most > 0, most.isFinite else { return 1 }
    let power = pow(10, log10(most).rounded(.down))
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= most * 0.999_999 } ?? most
  }

  private var shown: [QueueSample] { samples.filter { now.timeIntervalSince($0.time) <= span / .seconds(1) } }

  func html() -> HTML {
    let shown = shown
    let values = lines.map { line in shown.compactMap(line.value) }
    let most = Self.scale(values.joined().max() ?? 0)
    return Tags.figure(.class("chart"), .id("chart-\(id)")) {
      Tags.figcaption { Tags.h3 { title } }
      Tags.ul(.class("legend")) {
        for (index, line) in lines.enumerated() {
          Tags.li {
            Tags.svg(Attribute("viewBox", "0 0 30 8"), Attribute("aria-hidden", "true")) {
              path("M1 4H29", "series \(Self.kinds[index % 3])")
            }
            line.name
          }
        }
      }
      Tags.div(.class("scale"), Attribute("aria-hidden", "true")) { Tags.span { unit(most) } }
      plot(shown, most, values)
      Tags.div(.class("scale"), Attribute("aria-hidden", "true")) {
        Tags.span { "\(span.words) ago" }
        Tags.span { "now" }
      }
      table(shown)
    }
  }

  private func plot(_ shown: [QueueSample], _ most: Double, _ values: [[Double]]) -> HTML {
    Tags.svg(
      .class("plot"), Attribute("viewBox", "0 0 600 128"), Attribute("preserveAspectRatio", "none"), .role("img"),
      Attribute("aria-labelledby", "chart-\(id)-title chart-\(id)-text")
    ) {
      Tag("title")(.id("chart-\(id)-title")) { title }
      Tags.desc(.id("chart-\(id)-text")) { words(values) }
      path("M0 8H600M0 68H600M0 128H600", "grid")
      for (index, line) in lines.enumerated() {
        path(drawing(shown, line, most), "series \(Self.kinds[index % 3])")
      }
    }
  }

  private func path(_ drawing: String, _ kind: String) -> HTML {
    Tags.path(.class(kind), Attribute("d", drawing)) { HTML.empty }
  }

  /// The commands of a path: a piece for each stretch without a gap.
  func drawing(_ shown: [QueueSample], _ line: Line, _ most: Double) -> String {
    var text = ""
    var last: Date?
    let seconds = span / .seconds(1)
    for sample in shown {
      guard let value = line.value(sample) else {
        last = nil
        continue
      }
      let x = Self.width * (1 - now.timeIntervalSince(sample.time) / seconds)
      let y = Self.top + Self.height * (1 - min(max(0, value / most), 1))
      let place = String(format: "%.1f %.1f", x, y)
      if let last, sample.time.timeIntervalSince(last) < 2 * (interval / .seconds(1)) {
        text += "L\(place)"
      } else {
        // A point alone is seen by its round ends.
        text += "M\(place)h0"
      }
      last = sample.time
    }
    return text
  }

  /// What a person is told who does not see it.
  private func words(_ values: [[Double]]) -> String {
    zip(lines, values).map { line, values in
      guard let last = values.last, let least = values.min(), let most = values.max() else {
        return "\(line.name): not known."
      }
      return "\(line.name): from \(unit(least)) to \(unit(most)), last \(unit(last))."
    }.joined(separator: " ")
  }

  /// The means of twelve pieces of the time.
  private func table(_ shown: [QueueSample]) -> HTML {
    let piece = span / 12
    return Tags.details(.class("more")) {
      Tags.summary { "As a table" }
      Tags.table(.class("stack")) {
        Tags.thead {
          Tags.tr {
            Tags.th(.scope("col")) { "Until" }
            for line in lines { Tags.th(.scope("col"), .class("number")) { line.name } }
          }
        }
        Tags.tbody {
          for number in 0..<12 {
            row(shown, from: now.adding(.zero - piece * (number + 1)), until: now.adding(.zero - piece * number))
          }
        }
      }
    }
  }

  private func row(_ shown: [QueueSample], from start: Date, until end: Date) -> HTML {
    let samples = shown.filter { $0.time > start && $0.time <= end }
    return Tags.tr {
      Tags.td(.class("whole")) { Show.ago(end, now: now) }
      for line in lines {
        Tags.td(.class("number"), Attribute("data-label", line.name)) {
          let values = samples.compactMap(line.value)
          values.isEmpty ? Show.none : HTML(unit(values.reduce(0, +) / Double(values.count)))
        }
      }
    }
  }
}
