/// Small drawings, in the colour of the text beside them.
enum Icon {
  /// Two burrows below a meadow.
  static let brand = HTML(
    markup: """
      <svg class="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true"><rect width="32" height="32" rx="9" class="logo-ground"/><path class="logo-line" d="M7 24v-6a4.5 4.5 0 0 1 9 0v6m0 0v-9a4.5 4.5 0 0 1 9 0v9" fill="none" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/><circle class="logo-eye" cx="11.5" cy="9.5" r="1.7"/></svg>
      """)

  static let copy = icon("M9 9h11v11H9zM5 15H4V4h11v1")

  static func of(_ section: Page.Section) -> HTML {
    switch section {
    case .overview: icon("M3 12.5 12 4l9 8.5M6 10.5V20h12v-9.5")
    case .queues: icon("M4 6h16M4 12h16M4 18h10")
    case .deadLetters: icon("M4 7h16v11H4zM4 7l8 6 8-6")
    case .failures: icon("M12 4 21 19H3zM12 10v4M12 16.5v.5")
    case .workers:
      icon(
        "M12 8.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M5.6 18.4l2.2-2.2M16.2 7.8l2.2-2.2"
      )
    case .topology: icon("M6 4h4v4H6zM14 16h4v4h-4zM14 4h4v4h-4zM8 8v8a2 2 0 0 0 2 2h4M10 6h4")
    case .schedules: icon("M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16M12 8v4.5l3 2")
    case .outbox: icon("M4 13v6h16v-6M4 13h5l1 2h4l1-2h5M12 11V4M9 7l3-3 3 3")
    case .broker: icon("M5 4h14v6H5zM5 14h14v6H5zM8 7h.5M8 17h.5")
    case .operations: icon("M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5")
    case .audit: icon("M6 3h9l4 4v14H6zM9 11h7M9 15h7")
    }
  }

  private static func icon(_ path: StaticString) -> HTML {
    Tags.svg(
      .class("icon"), Attribute("viewBox", "0 0 24 24"), Attribute("width", "18"), Attribute("height", "18"),
      Attribute("aria-hidden", "true")
    ) {
      Tags.path(
        Attribute("d", path.description), Attribute("fill", "none"), Attribute("stroke", "currentColor"),
        Attribute("stroke-width", "1.8"), Attribute("stroke-linecap", "round"), Attribute("stroke-linejoin", "round")
      ) { HTML.empty }
    }
  }
}
