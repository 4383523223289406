extension Dashboard {
  /// What the application says about a request.
  public enum Admission: Sendable {
    /// This person may come in.
    case admitted(Visitor)
    /// It is not known who asks: answered with 401.
    case unknown
    /// It is known, and may not come in: answered with 403.
    case refused
  }
}
