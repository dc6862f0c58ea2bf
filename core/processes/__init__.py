"""Commands as processes of their own, which outlive the page and the server that started them."""
