/// Messages that a client sends, one type each, with `init(decoding:)` for a body (without type
/// and length) and `encode(into:)` for the whole message. Messages without fields are `write…`
/// functions.
package enum FrontendMessage {}

/// Messages that a server sends, in the same form as ``FrontendMessage``.
package enum BackendMessage {}
