internal import Foundation
public import Warren

extension MessageFilter {
  /// The filter as people write it; read again it is the same filter. Ages are times in it.
  public var text: String { conditions.map(\.text).joined(separator: " ") }
}

extension MessageCondition {
  fileprivate var text: String {
    let sign = isNegated ? "-" : ""
    if case .text = field, case .contains(let part) = test { return sign + Self.quoted(part) }
    switch test {
    case .equals(let texts): return "\(sign)\(name)=\(texts.map(Self.value).joined(separator: ","))"
    case .resembles(let patterns): return "\(sign)\(name):\(patterns.joined(separator: ","))"
    case .contains(let part): return "\(sign)\(name)~\(Self.value(part))"
    case .compares(let order, let limit):
      guard case .time = field else {
        let isWhole = limit.rounded() == limit && abs(limit) < 1e15
        return "\(sign)\(name)\(order.rawValue)\(isWhole ? "\(Int64(limit))" : "\(limit)")"
      }
      return "\(sign)time\(order.rawValue)\(Date(timeIntervalSince1970: limit / 1000).textWithMilliseconds)"
    }
  }

  private var name: String {
    switch field {
    case .header(let name): "header.\(name)"
    case .data(let path): "data.\(path.joined(separator: "."))"
    default: "\(field)"
    }
  }

  private static func value(_ text: String) -> String {
    let isPlain = !text.isEmpty && !text.contains { $0.isWhitespace || "\",*\\".contains($0) }
    return isPlain ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"") + "\""
  }
}
