/// An element of HTML, called with its attributes and content.
///
/// ```swift
/// p(.class("note")) { "No dead letters in " ; code { queue.rawValue } }
/// ```
struct Tag: Sendable {
  let name: StaticString

  init(_ name: StaticString) { self.name = name }

  func callAsFunction(_ attributes: Attribute..., @HTMLBuilder content: () -> HTML) -> HTML {
    HTML(name, attributes, content())
  }
  func callAsFunction(_ attributes: [Attribute], @HTMLBuilder content: () -> HTML) -> HTML {
    HTML(name, attributes, content())
  }
}

/// An element that has no content and no end.
struct VoidTag: Sendable {
  let name: StaticString

  init(_ name: StaticString) { self.name = name }

  func callAsFunction(_ attributes: Attribute...) -> HTML { HTML(name, attributes, nil) }
}

/// The elements that pages are made of.
enum Tags {
  static let a = Tag("a")
  static let article = Tag("article")
  static let button = Tag("button")
  static let code = Tag("code")
  static let dd = Tag("dd")
  static let del = Tag("del")
  static let desc = Tag("desc")
  static let details = Tag("details")
  static let div = Tag("div")
  static let dl = Tag("dl")
  static let dt = Tag("dt")
  static let figcaption = Tag("figcaption")
  static let figure = Tag("figure")
  static let footer = Tag("footer")
  static let form = Tag("form")
  static let h1 = Tag("h1")
  static let h2 = Tag("h2")
  static let h3 = Tag("h3")
  static let header = Tag("header")
  static let ins = Tag("ins")
  static let label = Tag("label")
  static let li = Tag("li")
  static let main = Tag("main")
  static let nav = Tag("nav")
  static let ol = Tag("ol")
  static let option = Tag("option")
  static let p = Tag("p")
  static let pre = Tag("pre")
  static let progress = Tag("progress")
  static let section = Tag("section")
  static let select = Tag("select")
  static let small = Tag("small")
  static let span = Tag("span")
  static let strong = Tag("strong")
  static let summary = Tag("summary")
  static let table = Tag("table")
  static let tbody = Tag("tbody")
  static let td = Tag("td")
  static let textarea = Tag("textarea")
  static let th = Tag("th")
  static let thead = Tag("thead")
  static let time = Tag("time")
  static let tr = Tag("tr")
  static let ul = Tag("ul")

  static let input = VoidTag("input")
  static let link = VoidTag("link")
  static let meta = VoidTag("meta")

  static let svg = Tag("svg")
  static let path = Tag("path")
  static let rect = Tag("rect")
  static let text = Tag("text")
  static let g = Tag("g")
}
