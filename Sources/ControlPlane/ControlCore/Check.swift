/// Checks of what people type; each error names the field, quotes the value and says what to do.
enum Check {
  static func label(_ text: String, field: String) throws(ControlError) {}
}
