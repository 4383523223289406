/// Fields of forms, each with its label.
enum Fields {
  static func text(_ name: String, _ label: String, _ value: String?, hint: String? = nil, isSearch: Bool = false)
    -> HTML
  {
    Tags.div(.class("field")) {
      Tags.label(.for("field-\(name)")) { label }
      Tags.input(
        .type("text"), .id("field-\(name)"), .name(name), .value(value ?? ""), Attribute("placeholder", hint),
        Attribute("autocomplete", "off"), Attribute("spellcheck", "false"), Attribute("data-search", if: isSearch))
    }
  }

  static func choice(_ name: String, _ label: String, _ value: String?, _ options: [(value: String, title: String)])
    -> HTML
  {
    Tags.div(.class("field")) {
      Tags.label(.for("field-\(name)")) { label }
      Tags.select(.id("field-\(name)"), .name(name)) {
        for option in options {
          Tags.option(.value(option.value), Attribute("selected", if: option.value == (value ?? ""))) { option.title }
        }
      }
    }
  }

  static func area(_ name: String, _ label: String, _ value: String, rows: Int, describedBy hint: String? = nil) -> HTML
  {
    Tags.div(.class("field")) {
      Tags.label(.for("field-\(name)")) { label }
      // A newline directly behind the tag is dropped by browsers, so one of ours stands there.
      Tags.textarea(
        .id("field-\(name)"), .name(name), Attribute("rows", "\(rows)"), Attribute("spellcheck", "false"),
        Attribute("autocomplete", "off")
      ) {
        "\n" + value
      }
      if let hint { Tags.p(.class("hint")) { hint } }
    }
  }
}
