package main

const serverVariable = "COMPILEO_TEST_MODEL"

func serveModel(string) {}
