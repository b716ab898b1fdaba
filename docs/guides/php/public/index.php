<?php
session_start();

$request = $_SERVER['REQUEST_METHOD'] . ' ' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
switch ($request) {
    case 'GET /':
        require isset($_SESSION['name']) ? '../page.html' : '../login.html';
        break;
    case 'POST /login':
        // An app of your own asks for a password here.
        session_regenerate_id(true);
        $_SESSION['name'] = (string) $_POST['name'];
        header('Location: /', true, 303);
        break;
    case 'POST /logout':
        session_destroy();
        header('Location: /', true, 303);
        break;
    default:
        http_response_code(404);
}
