/// The body of one kind of audit record, able to write its fields in proto3 form.
///
/// Fields are written in the order of their numbers, a field that has its default is left out, so
/// that one content has one encoding.
package protocol RecordBody: Hashable, Sendable {
  static var kind: RecordKind { get }
  /// Appends the fields of the body's message, without tag and length of the message itself.
  func writeFields(to fields: inout FieldWriter)
}
