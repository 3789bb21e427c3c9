module turnwire.example

go 1.24
