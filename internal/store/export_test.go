package store

// SelectMessage is the statement that reads messages, for peers to run too.
const SelectMessage = selectMessage
